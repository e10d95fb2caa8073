"""Picture files -> pixels: one way in for every command.

sources     PATH... -> stream of inputs (files, folders, globs, lists, standard input, archives, addresses)
inputs      one input, and a run of them in columns
feed        a stream of inputs, taken in runs of the length that is wanted
scan        one folder, in sorted order, hidden names left out, links to folders left out or followed
ordering    names in sorted order, in bounded memory
patterns    patterns such as photos/*.jpg -> what matches them
lists       lists of paths: text, NUL-separated, CSV
csv_lists   those with columns
archives    pictures in .zip and .tar archives
packed      what a .tar archive is compressed with, taken off as it is read
untar       the members of a .tar archive by their headers, whole ones, in one archive or in several
unzip       one member of a .zip archive, never more of it than the archive says
held        the content of an archive's member, on disk until it has been classified
addresses   addresses that fsspec knows: taken apart, and their file systems opened
remote      pictures at addresses: listed, and read several at once
transient   failures of the network that pass, and how long to wait before another try
read        a file's bytes; regular files only
signatures  which format the content is, and plain words for what isn't a picture
decode      bytes -> uint8 [H, W, 3] RGB
jpeg        JPEG by the short way: plain files, scaled down while decoding where that pays
boxes       the boxes that JPEG 2000 and JPEG XL files are made of
jpeg2000    whether a JPEG 2000 file has all of its picture, and its colour profile
jpegxl      what the header of a JPEG XL picture says, before it is decoded
tiff        planes of samples that Pillow reads wrongly, and libtiff kept silent
failures    what a decoder raises, in plain words
silence     keep the decoders' warnings off standard error
pixels      any of Pillow's modes -> RGB: depth, transparency, CMYK, ICC profiles
metadata    orientation from EXIF, and pictures saved from their own broken metadata
"""
