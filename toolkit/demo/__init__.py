"""`toolkit demo`: the main job on the bundled pictures.

options  where to, and with which model
job      classify, benchmark, write the page
page     what the page contains
result   what came of it
photos/  twenty pictures, with a note on their origin
"""
