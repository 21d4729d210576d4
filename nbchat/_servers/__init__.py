"""Model servers: providers, the models they offer, requests and streamed replies."""
