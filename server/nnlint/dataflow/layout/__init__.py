"""Layouts: which elements of a tensor lie where. Axes as ordered products of sizes with provenance, and their strides in memory.

A `view` or `reshape` keeps the order of the elements and cuts it into other axes; only `permute` and its kin change the order. So a
target that names the sizes of the source in another order gives axes other names and leaves the elements where they were.
"""
