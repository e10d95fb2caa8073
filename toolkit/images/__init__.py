"""Picture files -> pixels: one way in for every command.

sources      PATH... -> stream of inputs (files, folders, globs, lists, standard input)
scan         one folder, in sorted order, hidden names and links to folders left out
lists        lists of paths: text, NUL-separated, CSV
read         a file's bytes; regular files only
signatures   which format the content is, and plain words for what isn't a picture
decode       bytes -> uint8 [H, W, 3] RGB
pixels       any of Pillow's modes -> RGB: depth, transparency, CMYK, ICC profiles
metadata     orientation from EXIF, and pictures saved from their own broken metadata
"""
