"""For human eyes, drawn from results only.

tables    terminal tables
style     palette, fonts, figures -> PNG and SVG
confusion the confusion matrix of a page, with its table
confusion_figure  its drawing
axes      headings, labels, ticks and numbers that charts share
charts    calibration, counts, learning curves
timing    latency and throughput
gallery   picture beside its probability bars, as PNG
page      what a page is made of, as plain values
cards     pictures and answers -> the cards of a page
terminal_curves  learning curves as text
facts     the machine and the versions
agreement  how far two models agree, in words
left_out  broken pictures that --skip-broken left out
html      pages from templates/
robustness  how accuracy falls with worse pictures
train tune evaluate evaluate_page classify classify_lines  what each command's report contains
bench bench_names bench_lines bench_series bench_page bench_sections  the same of bench
bench_figures bench_sweeps bench_tables  its charts and tables
"""
