"""Tables and pictures of the documents, one script each; `make figures` draws them."""
