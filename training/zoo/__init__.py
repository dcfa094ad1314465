"""The families, by the name a recipe uses."""

from training.zoo.adversarial.dcgan import Dcgan
from training.zoo.autoregressive.attention import Attention
from training.zoo.autoregressive.diagonal_bilstm import DiagonalBiLstm
from training.zoo.autoregressive.fvsbn import Fvsbn
from training.zoo.autoregressive.gated_pixelcnn import GatedPixelCnn
from training.zoo.autoregressive.made import Made
from training.zoo.autoregressive.nade import Nade
from training.zoo.autoregressive.pixelcnn import PixelCnn
from training.zoo.autoregressive.pixelcnn_pp import PixelCnnPp
from training.zoo.autoregressive.rnade import Rnade
from training.zoo.autoregressive.rnn import Rnn
from training.zoo.autoregressive.row_lstm import RowLstm
from training.zoo.autoregressive.wavenet import Wavenet
from training.zoo.base import Family
from training.zoo.classical.bernoulli import Bernoulli
from training.zoo.classical.categorical import Categorical
from training.zoo.classical.gda import Gda
from training.zoo.classical.gmm import Gmm
from training.zoo.classical.markov import Markov
from training.zoo.classical.naive_bayes import NaiveBayes
from training.zoo.latent.vae import Vae

FAMILIES: dict[str, type[Family]] = {
    "attention": Attention,
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "dcgan": Dcgan,
    "diagonal_bilstm": DiagonalBiLstm,
    "fvsbn": Fvsbn,
    "gated_pixelcnn": GatedPixelCnn,
    "gda": Gda,
    "gmm": Gmm,
    "made": Made,
    "markov": Markov,
    "naive_bayes": NaiveBayes,
    "nade": Nade,
    "pixelcnn": PixelCnn,
    "pixelcnn_pp": PixelCnnPp,
    "rnade": Rnade,
    "rnn": Rnn,
    "row_lstm": RowLstm,
    "vae": Vae,
    "wavenet": Wavenet,
}
