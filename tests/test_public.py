"""What `import toolkit` offers by itself."""

import subprocess
import sys


def test_what_the_readme_names_is_there_before_anything_was_loaded() -> None:
    code = (
        "import sys, toolkit; names = dir(toolkit); print({'load', 'errors'} <= set(names), 'numpy' in sys.modules);"
        "print(toolkit.errors.ToolkitError.__name__, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True False\nToolkitError False\n", "")
