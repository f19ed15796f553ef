"""The exporter `bundle`: a folder with everything that a deployer needs, and its files."""
