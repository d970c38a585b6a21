"""One process per host: carries out policies through a data path driver, ships records."""
