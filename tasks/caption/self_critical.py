"""Self-critical training (Rennie et al., arXiv 1612.00563): sentences that score above the usual become more probable.

    L  = E[10 - r(s)]            s is sampled from the decoder, r(s) in 0..10 is what it is worth (`reward`)
    ∇L ≈ - mean of (r(s) - b) ∇ log p(s)                    REINFORCE with the baseline b

b is what the decoder says greedily, or of several samples a picture the mean of the others (arXiv 2003.09971), which
costs no further sentence. Neither depends on s, so the estimate is unbiased.

Letters: B pictures, K samples of each.
"""

from __future__ import annotations

from torch import Tensor

from .reward import BEST


def mean_of_others(rewards: Tensor) -> Tensor:
    """(B, K): of each sample the mean of the K - 1 others, K ≥ 2."""
    return (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)


def expected_shortfall(log_probability: Tensor, rewards: Tensor, baselines: Tensor) -> Tensor:
    """A scalar: what the samples lack to the best, with the gradient of the expectation; all (B, K), float32."""
    surrogate = -((rewards - baselines) * log_probability).mean()
    return (BEST - rewards).mean() + surrogate - surrogate.detach()
