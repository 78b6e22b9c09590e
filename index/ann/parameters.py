"""FAISS search parameters that reach the part of an index that reads them.

Each kind of index takes its own kind of parameters and wrapped indexes hand nothing on by
themselves: ``IndexRefine`` ignores a selector without a word unless it lies in
``base_index_params``, and ``IndexPreTransform`` wants ``index_params``.
"""

from __future__ import annotations

from typing import Any

from longtail.index.faiss_runtime import load_faiss


def search_parameters(index: Any, nprobe: int, selector: Any | None) -> Any:
    """Return parameters for a search of this index; keep ``selector`` alive meanwhile.

    ``nprobe`` are lists of an inverted file or candidates of a graph; kinds that have neither
    ignore them.
    """
    faiss = load_faiss()
    index = faiss.downcast_index(index)
    chosen = {} if selector is None else {"sel": selector}
    if isinstance(index, faiss.IndexPreTransform):
        inner = search_parameters(index.index, nprobe, selector)
        return faiss.SearchParametersPreTransform(index_params=inner) if inner else None
    if isinstance(index, faiss.IndexRefine):
        inner = search_parameters(index.base_index, nprobe, selector)
        return faiss.IndexRefineSearchParameters(
            base_index_params=inner, k_factor=max(1.0, float(index.k_factor))
        )
    if isinstance(index, faiss.IndexIVF):
        nprobe = min(nprobe, int(index.nlist))
        # A graph that finds the lists must look at least as far as the lists it is to return.
        quantizer = faiss.downcast_index(index.quantizer)
        if isinstance(quantizer, faiss.IndexHNSW):
            chosen["quantizer_params"] = faiss.SearchParametersHNSW(efSearch=2 * nprobe)
        return faiss.SearchParametersIVF(nprobe=nprobe, **chosen)
    if isinstance(index, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(efSearch=nprobe, **chosen)
    # Fast-scan without lists throws even on empty parameters.
    return faiss.SearchParameters(**chosen) if chosen else None


def inverted_lists(index: Any) -> int:
    """Return how many lists the index has, 0 if it is no inverted file."""
    core = core_of(index)
    return int(core.nlist) if isinstance(core, load_faiss().IndexIVF) else 0


def is_graph(index: Any) -> bool:
    """Return whether it finds its answers by walking from neighbour to neighbour."""
    return isinstance(core_of(index), load_faiss().IndexHNSW)


def ranks_by_its_codes(index: Any) -> bool:
    """Return whether the first of many answers are those of a search for fewer.

    A graph looks further for more answers, and a refinement orders them anew.
    """
    faiss = load_faiss()
    outer = faiss.downcast_index(index)
    while isinstance(outer, faiss.IndexPreTransform):
        outer = faiss.downcast_index(outer.index)
    return not isinstance(outer, (faiss.IndexRefine, faiss.IndexHNSW))


def core_of(index: Any) -> Any:
    """Return the index inside transforms and refinements."""
    faiss = load_faiss()
    index = faiss.downcast_index(index)
    while True:
        if isinstance(index, faiss.IndexPreTransform):
            index = faiss.downcast_index(index.index)
        elif isinstance(index, faiss.IndexRefine):
            index = faiss.downcast_index(index.base_index)
        else:
            return index
