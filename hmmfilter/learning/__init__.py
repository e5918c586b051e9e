"""Learning: from observations, and a model to start from, to the model that is most probable."""
