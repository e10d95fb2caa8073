"""Claim: paper-cnn's accuracy on CIFAR-10 (JPEG), and the exported file agrees with Keras within 1e-5 on it."""

from pathlib import Path

from evidence import DATA_NAME, data_parser, toolkit, write


def main() -> None:
    data = str(Path(data_parser(__doc__).parse_args().data).resolve())
    shared = ("--data", data, "--data-name", DATA_NAME)
    evaluated = toolkit("evaluate", "paper-cnn", *shared)
    compared = toolkit("verify", "exported/paper-cnn", "paper-cnn", *shared, "--tolerance", "1e-5")
    print(f"accuracy {evaluated['accuracy']} on {DATA_NAME}")
    print(f"largest difference from Keras {compared['max_difference']} on {compared['pictures']} pictures")
    keep = (
        "pictures",
        "max_difference",
        "mean_difference",
        "max_logit_difference",
        "top1_agreement",
        "accuracy",
    )
    write(
        "paper_accuracy",
        "paper-cnn on the 10,000 test pictures, and Keras against ONNX Runtime",
        {"evaluate": evaluated, "verify": {key: compared[key] for key in keep}},
    )


if __name__ == "__main__":
    main()
