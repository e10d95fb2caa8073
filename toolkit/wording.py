"""Numbers with their nouns."""


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 thread, 2 threads, 3 fresh processes, 4 queries."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {plural}"
