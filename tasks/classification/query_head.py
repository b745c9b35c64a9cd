"""The query head: learnt queries look for their categories in the cells of all levels (ML-Decoder, arXiv 2111.12933).

    tokens = relu(W_l (x_l + ia_l) + b_l)               (B, N, d), of all levels
    q      = feed-forward(attention(queries, tokens))   (B, G, d), each with a residual and a norm; no self-attention
    y_k    = im_k (w_k · q_{k // m} + b_k)              (B, K), the group fully-connected layer

Letters: B pictures, K categories, N cells of all levels, G queries, m = ⌈K / G⌉ categories a query, d the width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.code_spec import CodeSpec
from unified.model.implicit import ImplicitCode
from unified.model.places import CodedConv
from unified.ops.floats import at_least_float32
from unified.task import Features

FEED_FORWARD_FACTOR = 2  # hidden units of the feed-forward part over d; ML-Decoder has 2048 for 768


class QueryHead(nn.Module):
    """{"p3": (B, C, H, W), …} → logits (B, K)."""

    query_of: Tensor  # (K,) the query that answers for each category

    def __init__(
        self,
        channels: Mapping[str, int],
        categories: int,
        *,
        width: int,
        heads: int,
        queries: int,
        align: CodeSpec | None,
        refine: CodeSpec | None,
    ) -> None:
        super().__init__()
        self.project = nn.ModuleDict()
        for level, c in channels.items():
            self.project[level] = CodedConv(c, width, align=None if align is None else align.align(c))
        share = -(-categories // queries)  # m
        self.register_buffer("query_of", torch.arange(categories) // share, persistent=False)
        self.queries = nn.Parameter(torch.randn(-(-categories // share), width))
        self.decoder = QueryDecoder(width, heads)
        # All K rows of weights meet all G queries and each category keeps its own: the parameters of a group
        # fully-connected layer, yet a plain 1×1 convolution that any refinement folds into.
        self.classify = CodedConv(width, categories, refine=None if refine is None else refine.refine(categories))

    def forward(self, features: Features) -> Tensor:
        maps = [F.relu(project(features[level])) for level, project in self.project.items()]
        tokens = torch.cat([cells.flatten(2) for cells in maps], dim=2).mT  # (B, N, d)
        found = self.decoder(self.queries.expand(len(tokens), -1, -1), tokens)  # (B, G, d)
        scores = self.classify(found.mT.unsqueeze(3)).squeeze(3)  # (B, K, G)
        own = scores.gather(2, self.query_of.view(1, -1, 1).expand(len(scores), -1, 1)).squeeze(2)
        return at_least_float32(own)

    @torch.no_grad()
    def set_prior(self, logit: Tensor) -> None:
        """Let an unremarkable picture score `logit` (K,)."""
        assert self.classify.conv.bias is not None
        self.classify.conv.bias.copy_(logit)

    def codes(self) -> dict[str, ImplicitCode]:
        """{"align/p3": code, …, "refine/logits": code}; empty once folded."""
        coded = {level: project for level, project in self.project.items() if isinstance(project, CodedConv)}
        found = {f"align/{level}": project.align for level, project in coded.items()}
        if isinstance(self.classify, CodedConv):
            found["refine/logits"] = self.classify.refine
        return {place: code for place, code in found.items() if code is not None}


class QueryDecoder(nn.Module):
    """One transformer decoder layer without self-attention: queries (B, G, d) and tokens (B, N, d) → (B, G, d)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        hidden = FEED_FORWARD_FACTOR * width
        self.norm_in = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm_attended = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.norm_out = nn.LayerNorm(width)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        q = self.norm_in(queries)
        q = self.norm_attended(q + self.attention(q, tokens, tokens, need_weights=False)[0])
        out: Tensor = self.norm_out(q + self.feed_forward(q))
        return out
