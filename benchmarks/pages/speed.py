"""The tables of docs/speed.md."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables
from report.results_file import read_results, results_path
from report.targets import targets_table


def rewrite() -> None:
    """Put the tables between their markers."""
    encoding = read_results(results_path("encoding"))
    growth = read_results(results_path("encoding_growth"))
    finetuning = read_results(results_path("finetuning"))
    judged = [line for found in (encoding, growth, finetuning) for line in found["targets"]]
    tables = {
        "targets": targets_table(judged),
        "encoding results": encoding_tables(encoding),
        "finetuning": finetuning_table(finetuning),
    }
    put_tables(DOCS / "speed.md", tables)


def encoding_tables(results: dict[str, Any]) -> str:
    """Return a table a data folder and token limit."""
    settings = results["settings"]
    first = (
        f"{settings['encoder']}, {settings['threads']} threads, {settings['simd']}, "
        f"median of {settings['rounds']} rounds."
    )
    return "\n\n".join([first, *map(encoding_table, results["parts"])])


def encoding_table(part: dict[str, Any]) -> str:
    """Return the table of one folder at one token limit."""
    ceilings = ", ".join(f"{n} {rate:.0f}" for n, rate in part["ceilings_gflops"].items())
    lines = [
        f"**{part['folder']}**, at most {part['token_limit']} tokens a text (mean "
        f"{part['mean_tokens']:.1f}), {part['items']:,} texts. Ceilings in GFLOP/s: {ceilings}.",
        "",
        "| | items/s (least to greatest) | tokens/s | share of ceiling | cosine, least | "
        "nearest 100 alike |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in part["found"].items():
        share, parity = found["share_of_ceiling"], found.get("parity")
        cells = [
            f"{found['items_per_second']:.0f} ({found['least']:.0f} to {found['greatest']:.0f})",
            f"{found['tokens_per_second']:,.0f}",
            "" if share is None else f"{share:.0%}",
            f"{parity['cosine']:.4f}, {parity['cosine_min']:.4f}" if parity else "",
            f"{parity['overlap']:.1%}" if parity else "",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def finetuning_table(results: dict[str, Any]) -> str:
    """Return one row a way of training, below a line on the machine."""
    settings = results["settings"]
    rates = [row["matrix_gflops"] for row in results["rows"] if "matrix_gflops" in row]
    lines = [
        f"{settings['data']}: {settings['pairs']:,} pairs, {settings['threads']} threads, "
        f"{min(rates):.0f} to {max(rates):.0f} GFLOP/s of float32 matrix products beside the rows.",
        "",
        "| row | batch | seconds of steps | before them | texts/s | with what is before | "
        "share of the matrix rate | held-out loss | accuracy |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        quality = f"{row['held_out_loss']:.3f} | {row['held_out_accuracy']:.3f}"
        if "step_seconds" not in row:
            lines.append(f"| {row['row']} | - | - | - | - | - | - | {quality} |")
            continue
        lines.append(
            f"| {row['row']} | {row['batch_size']} | {row['step_seconds']:.0f} | "
            f"{row['preparation_seconds']:.0f} | {row['texts_per_second']:.0f} | "
            f"{row['texts_per_second_with_preparation']:.0f} | "
            f"{row['share_of_matrix_rate']:.0%} | {quality} |"
        )
    return "\n".join(lines)
