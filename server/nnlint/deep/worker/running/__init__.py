"""Running a model: again and again from one state, and with every operation written down."""
