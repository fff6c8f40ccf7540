"""What is measured: one file for each question, each function one measure of one peer.

Rates are jobs per second, times seconds, memory bytes. Each raises PeerFailed with the reason when it cannot be taken.
"""
