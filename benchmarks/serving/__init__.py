"""The service beside other model servers: the same graph, the same images, one load driver, one table."""
