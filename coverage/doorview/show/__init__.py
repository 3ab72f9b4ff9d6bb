"""To look at: maps, curves, rasters, layers, tables and the run's folder. Takes finished numbers, computes no share."""
