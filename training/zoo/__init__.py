"""The families, by the name a recipe uses."""

from training.zoo.attention import Attention
from training.zoo.base import Family
from training.zoo.bernoulli import Bernoulli
from training.zoo.categorical import Categorical
from training.zoo.dcgan import Dcgan
from training.zoo.diagonal_bilstm import DiagonalBiLstm
from training.zoo.fvsbn import Fvsbn
from training.zoo.gated_pixelcnn import GatedPixelCnn
from training.zoo.gda import Gda
from training.zoo.gmm import Gmm
from training.zoo.made import Made
from training.zoo.markov import Markov
from training.zoo.nade import Nade
from training.zoo.naive_bayes import NaiveBayes
from training.zoo.pca import Pca
from training.zoo.pixelcnn import PixelCnn
from training.zoo.pixelcnn_pp import PixelCnnPp
from training.zoo.rnade import Rnade
from training.zoo.rnn import Rnn
from training.zoo.row_lstm import RowLstm
from training.zoo.vae import Vae
from training.zoo.wavenet import Wavenet

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
    "pca": Pca,
    "pixelcnn": PixelCnn,
    "pixelcnn_pp": PixelCnnPp,
    "rnade": Rnade,
    "rnn": Rnn,
    "row_lstm": RowLstm,
    "vae": Vae,
    "wavenet": Wavenet,
}
