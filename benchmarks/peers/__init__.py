"""The libraries that can be measured. To add a library, write a class in a file and add an instance here."""

from benchmarks.peers.gaussmix import GaussMix
from benchmarks.peers.gmmx import Gmmx
from benchmarks.peers.onedal import OneDAL
from benchmarks.peers.peer import Fitted, Peer
from benchmarks.peers.pomegranate import Pomegranate
from benchmarks.peers.scikit_learn import ScikitLearn

__all__ = ["PEERS", "Fitted", "Peer"]

PEERS: dict[str, Peer] = {peer.name: peer for peer in (GaussMix(), OneDAL(), ScikitLearn(), Gmmx(), Pomegranate())}
