"""Make the pictures of the README with the program itself: the gallery and the demo's page.

Uses the twenty bundled pictures, so that it needs no data set; the page is drawn in headless Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from evidence import ROOT

PHOTOS = ROOT / "toolkit" / "demo" / "photos"
OUTPUT = ROOT / "bench" / "pictures"
WIDTH, HEIGHT = 1100, 760  # pixels of the first screen of the page


def by_class(folder: Path) -> Path:
    """Copy the bundled pictures into test/<class>/."""
    for photo in sorted(PHOTOS.glob("*.png")):
        target = folder / "test" / photo.stem.split("-", 1)[1] / photo.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, target)
    return folder


def toolkit(*arguments: str, cwd: Path) -> None:
    subprocess.run([sys.executable, "-m", "toolkit", *arguments], check=True, cwd=cwd, capture_output=True)


def photograph(page: Path, output: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("error: no Chromium (bench/pictures.py): install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(page.as_uri())
        tab.screenshot(path=output)
        browser.close()


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = by_class(folder / "demo-pictures")
        toolkit("evaluate", "paper-cnn", "--data", str(data), "-o", "evaluation", cwd=folder)
        shutil.copy(folder / "evaluation" / "gallery.png", OUTPUT / "gallery.png")
        toolkit("demo", cwd=folder)
        photograph(folder / "toolkit-demo" / "report.html", OUTPUT / "demo.png")
    shutil.copy(ROOT / "exported" / "paper-cnn" / "curves.png", OUTPUT / "curves.png")
    for picture in sorted(OUTPUT.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}  {picture.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
