"""DeepNorm: Post-LN in which the stream counts more and the parts begin smaller, so that a first step changes a deep model little.

("DeepNet: Scaling Transformers to 1,000 Layers", figure 2.)

N is the number of layers of the encoder, M that of the decoder. Tensors are float32 or float64; results have the dtype of the inputs. Inputs may
be views (transposed, sliced); they are not changed, and gradients flow to all of them and to the parameters of `ln`. A call leaves nothing else
behind: training modes, `requires_grad` and the default dtype stay as they were, and what was returned does not change later.
"""

from torch import Tensor, nn


def deepnorm_constants(n_enc: int, n_dec: int) -> dict[str, tuple[float, float]]:
    """(α, β) of the encoder and of the decoder of a model: α multiplies the stream, β is the gain of the first weights.

    n_enc = N and n_dec = M, the numbers of layers; 0 means that there is no such stack, at least one of them is not 0. Returns a dict with the
    keys "encoder" and "decoder". A stack that is not there has no key. Each call makes a dict of its own, which the caller may change.

    - an encoder alone (BERT): α = (2 N)^(1/4), β = (8 N)^(-1/4);
    - a decoder alone (GPT): α = (2 M)^(1/4), β = (8 M)^(-1/4);
    - both: the encoder α = 0.81 · (N⁴ M)^(1/16), β = 0.87 · (N⁴ M)^(-1/16); the decoder α = (3 M)^(1/4), β = (12 M)^(-1/4).

    (The code of the authors, torchscale, has 1.15 in place of 0.87: one check, and no other, tells the difference. GLM-130B took
    α = (2 N)^(1/2) for its single stack; here the power is 1/4.)

    >>> deepnorm_constants(0, 3)  # 6^(1/4) and 24^(-1/4)
    {'decoder': (1.5651, 0.4518)}
    >>> deepnorm_constants(6, 3)["encoder"]
    (1.3578, 0.5190)
    >>> deepnorm_constants(6, 3)["decoder"]
    (1.7321, 0.4082)
    """
    # BEGIN SOLUTION
    N, M = n_enc, n_dec
    if N and M:
        mixed = (N**4 * M) ** (1 / 16)
        return {"encoder": (0.81 * mixed, 0.87 / mixed), "decoder": ((3 * M) ** 0.25, (12 * M) ** -0.25)}
    name, n = ("encoder", N) if N else ("decoder", M)
    return {name: ((2 * n) ** 0.25, (8 * n) ** -0.25)}
    # END SOLUTION


def deepnorm_init_(m: nn.Module, beta: float) -> None:
    """Draw the first weights of all parts in m anew, in place.

    A name in `m.named_parameters()`, such as `layers.3.attn.q_proj.weight`, has parts between its dots. The last part counts as well: a
    parameter may itself be called `v_proj`, and need not end in `weight`. Of the matrices (parameters with two dimensions)

    - those with a part `ffn`, `v_proj` or `out_proj` are drawn by Xavier's normal rule with the gain β,
    - those with a part `q_proj` or `k_proj` with the gain 1.

    No name has parts of both kinds, and no two modules share a matrix: what you do with those is open.

    Xavier's normal rule: normal numbers with the mean 0 and the standard deviation gain · √(2 / (rows + columns)). They come from torch's own random
    numbers, which are not seeded here: after `torch.manual_seed` the same call draws the same, and a second call draws others. Nothing is cut
    off: of many numbers some lie more than three standard deviations from 0.

    Everything else stays as it is, to the last bit: vectors (biases, the weights of norms, also inside `ffn`), and matrices without such a part
    (embeddings, an output matrix). A part must be equal: `ffn_gate` is not `ffn`. The parameters themselves stay, with their dtype and
    `requires_grad`; only their numbers change. Frozen ones are drawn as well. Nothing is returned.
    """
    # BEGIN SOLUTION
    for name, parameter in m.named_parameters():
        parts = set(name.split("."))
        if parameter.ndim == 2 and parts & {"ffn", "v_proj", "out_proj"}:
            nn.init.xavier_normal_(parameter, gain=beta)
        elif parameter.ndim == 2 and parts & {"q_proj", "k_proj"}:
            nn.init.xavier_normal_(parameter)
    # END SOLUTION


def deepnorm_residual(x: Tensor, fx: Tensor, ln: nn.Module, alpha: float) -> Tensor:
    """What follows a part: ln(α · x + fx).

    x: the stream, (…, C). fx: what the part gave for x, of the same shape. ln: a module that takes one tensor; it is called once. With α = 1
    this is Post-LN.

    >>> deepnorm_residual(tensor([1.0, -2.0]), tensor([3.0, 4.0]), torch.nn.Identity(), 2.0)
    tensor([5., 0.])
    """
    # BEGIN SOLUTION
    return ln(alpha * x + fx)
    # END SOLUTION
