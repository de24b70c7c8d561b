# pragma version 0.4.3
"""
Logs whatever it is called with: a stranger's event among the token's.
"""

event Noise:
    number: uint256


@external
def __default__():
    log Noise(number=1)
