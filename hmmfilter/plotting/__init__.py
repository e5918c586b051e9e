"""Pictures. Matplotlib is optional, and imported only when something is drawn."""

from hmmfilter.plotting.bands import Bands, Drawable, draw_bands, save
from hmmfilter.plotting.canvas import picture_formats
from hmmfilter.plotting.chains import draw_curves, draw_durations, draw_matrices, draw_rates
from hmmfilter.plotting.curves import shown_by
from hmmfilter.plotting.descents import draw_descents, save_descents
from hmmfilter.plotting.fits import Fit, Limits, draw_fit, save_fit
from hmmfilter.plotting.forecasts import Fan, draw_forecast
from hmmfilter.plotting.portrait import draw_chain, draw_model, states_with_curves
from hmmfilter.plotting.residuals import Entry, draw_residuals
from hmmfilter.plotting.series import Series, column_names, series_of
from hmmfilter.plotting.structures import MOST_SQUARES, Map, draw_factors, draw_moves, draw_shares
from hmmfilter.plotting.timeline import timeline

__all__ = [
    "MOST_SQUARES",
    "Bands",
    "Drawable",
    "Entry",
    "Fan",
    "Fit",
    "Limits",
    "Map",
    "Series",
    "column_names",
    "draw_bands",
    "draw_chain",
    "draw_curves",
    "draw_descents",
    "draw_durations",
    "draw_factors",
    "draw_fit",
    "draw_forecast",
    "draw_matrices",
    "draw_model",
    "draw_moves",
    "draw_rates",
    "draw_residuals",
    "draw_shares",
    "picture_formats",
    "save",
    "save_descents",
    "save_fit",
    "series_of",
    "shown_by",
    "states_with_curves",
    "timeline",
]
