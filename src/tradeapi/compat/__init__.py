"""The protocol of lightweight-charts-pro, for front ends that speak it already."""
