"""The network: trunk, implicit codes, and the multi-task model that joins them."""
