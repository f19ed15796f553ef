"""The exporter `web`: a page that runs the model in a browser, served by any static file server."""
