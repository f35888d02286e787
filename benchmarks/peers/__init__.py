"""The libraries that can be measured. A new one is a class in a file of its own, and a line here."""

from benchmarks.peers.gaussmix import GaussMix
from benchmarks.peers.onedal import OneDAL
from benchmarks.peers.peer import Peer
from benchmarks.peers.scikit_learn import ScikitLearn

__all__ = ["PEERS", "Peer"]

PEERS: dict[str, Peer] = {peer.name: peer for peer in (GaussMix(), OneDAL(), ScikitLearn())}
