"""`toolkit doctor`: what is installed, what starts, what is broken, and what to do about it.

job     runs every check
checks  one function per check: finding and remedy
probe   a small convolution that shows whether a provider really starts
result  what was found
"""
