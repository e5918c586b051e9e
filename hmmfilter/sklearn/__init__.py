"""Estimators for scikit-learn, with the names and arguments of hmmlearn: leaving it takes a change of one import.

For ``from hmmlearn.hmm import GaussianHMM`` write ``from hmmfilter.sklearn import GaussianHMM``; for ``from hmmlearn
import hmm`` write ``import hmmfilter.sklearn as hmm``, which has the names of ``base`` and ``vhmm``, too. Where
hmmlearn is right, the same data, arguments and seed give the same numbers. Each estimator also takes a list of
sequences for ``X``, and is made into a frozen model of this library, and of one, by `BaseHMM.to_hmm` and
`BaseHMM.from_hmm`.

Others are not of hmmlearn: `HMMClassifier` says which class a sequence is of, `HMMClusterer` finds kinds of sequences,
`HMMTransformer` makes posteriors for the next step of a pipeline. These take an emission by its name, whatever
`hmmfilter.guess` knows, and missing observations. `SequenceFold` cuts between sequences in a cross-validation.

What differs from hmmlearn 0.3.3:

========================  ==============================================  ==============================================
what                      hmmlearn                                        here
========================  ==============================================  ==============================================
``fit`` and ``score``     take lengths second                             take ``y`` second, as scikit-learn does;
                                                                          integers that sum to the number of rows are
                                                                          lengths, unless they are one a row, and not
                                                                          all 1
``monitor_.history``      is of log-likelihoods, also where there are     is of what is climbed, the log-likelihood and
                          priors: it falls, and a fit ends too soon       the log-prior together
``n_iter`` and ``tol``    do not reach ``monitor_`` when they are set     are heeded, unless a monitor was set
                          later
``implementation``        "scaling" underflows, and fails                 is without meaning: all is exact
impossible rows           posteriors are NaN, a path is made up           an error that names the row; the score is −∞,
                                                                          too
a state never left        its row of ``transmat_`` becomes 0, and no      its row stays as it was
                          question is answered any more
a state never visited     its mean or rate becomes NaN, and its           its parameters stay as they were
                          probabilities of symbols 0
NaN in ``X``              is refused                                      is refused, too; ``hf.fit(model.to_hmm(), X)``
                                                                          takes it as missing
floors of a fit           the weight of a covariance, 1e-5; a variance,   none: a state that collapses is an error,
                          2e-308                                          which a prior prevents
Dirichlet priors          below 1, counts are cut off at 0                below 1 are refused: no density has a maximum
                                                                          there
``params="c"``            takes covariances of sums that were not made    about the means that are held
``covars_prior``          a number is added to all entries of a matrix,   a number is added to the diagonal
                          so that a column's sign makes a difference
``covars_prior``, (K,)    has a number for each entry of a row, if K = D  has a number for each state
``covars_``               "spherical", is (K D, D, D) after a fit         is always (K, D, D)
``aic`` and ``bic``       count all parameters, of `GMMHMM` the weights   count what a fit was free to choose: what
                          of one state                                    ``params`` names, without zeros that were
                                                                          given
`GMMHMM`, "spherical"     begins with the mean of all entries of a        begins with the mean of the variances; without
                          matrix; without ``covars_prior`` it has one     ``covars_prior`` it has none
                          unless D = M
`GMMHMM`, a start         draws at random by NumPy's global generator     draws by ``random_state``
`GMMHMM`, a mean's prior  is taken about the new mean, what was seen      both are taken about the mean that there was,
                          about the old one: the objective falls          before it moves: the objective never falls
`GMMHMM`, arguments       are overwritten by a fit: ``covars_prior``, …   stay as they were given
stationary distribution   one of several, where there are several         an error, where there are several
``lambdas_prior``         weighs against the rows of all states           weighs against the rows of its own state
``n_trials``              is not looked at by ``score``                   rows of another sum are refused, where it is
                                                                          one number; without it, they may have any
``MultinomialHMM``        logs a warning whenever one is made             says nothing
counts with fractions     make a row impossible                           are refused
``random_state``          becomes a generator in fits to symbols and      stays as it was given
                          counts
variational bounds        lack D log(2π) / 2 for each row                 are whole: of one state, the evidence
variational variances     have precisions of one Wishart distribution,    have gamma distributions, and a bound that
                          where D > 1, whose update is another one        never falls
variational priors of 0   make the bound −∞, and rule nothing out         rule out what they are of
========================  ==============================================  ==============================================
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("hmmfilter.sklearn needs scikit-learn: pip install 'hmmfilter[sklearn]' brings it") from error

from hmmfilter.sklearn.base import DECODER_ALGORITHMS, BaseHMM
from hmmfilter.sklearn.categorical import CategoricalHMM
from hmmfilter.sklearn.checks import expected_failed_checks
from hmmfilter.sklearn.classifier import HMMClassifier
from hmmfilter.sklearn.clusterer import HMMClusterer
from hmmfilter.sklearn.folds import SequenceFold
from hmmfilter.sklearn.gaussian import GaussianHMM
from hmmfilter.sklearn.gmm import GMMHMM
from hmmfilter.sklearn.monitor import ConvergenceMonitor
from hmmfilter.sklearn.multinomial import MultinomialHMM
from hmmfilter.sklearn.poisson import PoissonHMM
from hmmfilter.sklearn.transformer import HMMTransformer
from hmmfilter.sklearn.variational_categorical import VariationalCategoricalHMM
from hmmfilter.sklearn.variational_gaussian import VariationalGaussianHMM

__all__ = [
    "DECODER_ALGORITHMS",
    "GMMHMM",
    "BaseHMM",
    "CategoricalHMM",
    "ConvergenceMonitor",
    "GaussianHMM",
    "HMMClassifier",
    "HMMClusterer",
    "HMMTransformer",
    "MultinomialHMM",
    "PoissonHMM",
    "SequenceFold",
    "VariationalCategoricalHMM",
    "VariationalGaussianHMM",
    "expected_failed_checks",
]
