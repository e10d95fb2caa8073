"""`toolkit doctor`: what is installed, what starts, what is broken, and what to do about it.

job       runs every check
checks    what is installed and what starts: a function per check, finding and remedy
hardware  the same for what of this machine decides about speed
probe     a small convolution that shows whether a provider really starts
result    what was found
"""
