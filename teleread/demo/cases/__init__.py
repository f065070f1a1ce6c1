"""The demo's made-up patients, orders, studies and prior reports, as data."""
