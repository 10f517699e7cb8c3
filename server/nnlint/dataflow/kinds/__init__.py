"""Kinds of values: raw scores, probabilities and their logarithms. `rules` says what each operation makes of a kind, `query` follows
a value back to what gave it its kind, `losses` says what a loss expects, `misuse` where the two do not fit."""
