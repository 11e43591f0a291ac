"""A layer of GLM-130B: DeepNorm on the normed stream, GeGLU, attention with rotary positions, and a smaller gradient for the embedding.

B sequences, T tokens, C features, H heads of D = C/H features (D is even), N layers. Tensors are float32 or float64; results have the dtype
of the inputs. Inputs may be views (transposed, sliced); they are not changed, share nothing with results, and gradients flow to all of them
and to all parameters. A call leaves nothing else behind: training modes and `requires_grad` stay as they were.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def geglu(x: Tensor) -> Tensor:
    """x₁ ⊙ gelu(x₂), where x₁ and x₂ are the first and the second half of the last dimension.

    x: (…, 2F), any number of dimensions. Returns (…, F). gelu is the exact one, x Φ(x), and goes over the second half alone. (In other
    models with gated networks, such as Llama or Hugging Face's GLM-4, the first half goes through the activation.)

    >>> geglu(tensor([3.0, -5.0, 0.0, 100.0]))
    tensor([   0., -500.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("geglu is not written yet")


def embedding_gradient_shrink(e: Tensor, a: float = 0.1) -> Tensor:
    """The numbers of e, with a gradient that is multiplied by `a` on its way back.

    e: embeddings of any shape. a: any number; with a = 1 nothing changes, with a = 0 the gradient is 0. Returns a tensor with the values of
    e (rounding of the last bit is allowed). If G is the gradient of the result, e gets a · G.

    >>> embedding_gradient_shrink(tensor([3.0, -5.0]))
    tensor([ 3., -5.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("embedding_gradient_shrink is not written yet")


def glm130b_constants(n_layers: int) -> tuple[float, float]:
    """(α, gain) of GLM-130B for N = n_layers layers: α = (2N)^(1/2) multiplies the stream, and the gain of the first weights is (2N)^(-1/2).

    (DeepNet, where the idea comes from, has other powers: (2N)^(1/4) and (8N)^(-1/4).)

    >>> glm130b_constants(2)
    (2.0, 0.5)
    """
    # YOUR CODE HERE
    raise NotImplementedError("glm130b_constants is not written yet")


class GLM130BAttention(nn.Module):
    """Attention with rotary positions, and queries, keys and values from one matrix.

    Its parameters: `query_key_value` is a linear layer from C to 3C, `dense` one from C to C, both with bias.

    The 3C outputs of `query_key_value` are sorted by heads: those of head 0 come first, then those of head 1, and so on. Of each head
    there are D for the query, D for the key and D for the value. (GPT-2 has all queries first, then all keys, then all values.)

    Queries and keys are turned by their positions, values are not. With θ_i = 10000^(-2i/D), features i and D/2+i of a token at position p
    are a pair (a, b), which becomes (a cos φ - b sin φ, a sin φ + b cos φ), φ = p θ_i; i = 0 … D/2-1. Angles are computed in float64 for
    float64, and at least in float32 otherwise.

    Scores are divided by √D. A token looks at those tokens at which the mask is True. The heads stand side by side again before `dense`.
    """

    def __init__(self, C: int, H: int) -> None:
        # YOUR CODE HERE
        raise NotImplementedError("GLM130BAttention.__init__ is not written yet")

    def forward(self, x: Tensor, pos: Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (B, T, C). pos: int64 (B, T), any numbers from 0 on. mask: bool (T, T), [t, s] is True if token t looks at token s; each row has
        a True. Without a mask all tokens look at all. Returns (B, T, C).
        """
        # YOUR CODE HERE
        raise NotImplementedError("GLM130BAttention.forward is not written yet")


class GLM130BLayer(nn.Module):
    """A layer of GLM-130B. Each part reads a normed stream, and that normed stream is what α multiplies:

        h = LN₁(x)          u = α h + attn(h, pos, mask)
        g = LN₂(u)          y = α g + mlp(g)

    α = (2N)^(1/2). LN₁ is `input_layernorm` and LN₂ is `post_attention_layernorm`: layer norms over C, with weight and bias, ε = 1e-5. The
    output y is not normed: the next layer begins with that. (Pre-LN adds x itself and not LN₁(x), and has no α.)
    """

    def __init__(self, C: int, n_layers: int, attn: nn.Module, mlp: nn.Module) -> None:
        """n_layers: the number N of layers of the whole model. attn, mlp: the two parts; they become attributes of these names."""
        # YOUR CODE HERE
        raise NotImplementedError("GLM130BLayer.__init__ is not written yet")

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """x: (B, T, C). pos and mask are handed to attn as they are, behind its input, also where they are None; mlp gets its input alone.
        attn and mlp are called once each. Returns (B, T, C).
        """
        # YOUR CODE HERE
        raise NotImplementedError("GLM130BLayer.forward is not written yet")
