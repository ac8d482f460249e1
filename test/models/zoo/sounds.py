"""Speech, sound and text in pictures: recurrence and convolution in time."""

import torch
from torch import nn
from torch.nn import functional as F

import export
from export import network


def recurrent(kind, layers=2, both=True, batch_first=True, batch=1):
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = getattr(nn, kind)(32, 48, layers, bidirectional=both,
                                         batch_first=batch_first)
            self.out = nn.Linear(96 if both else 48, 11)

        def forward(self, x):
            return self.out(self.net(x)[0]).log_softmax(-1)

    shape = (batch, 30, 32) if batch_first else (30, batch, 32)
    return lambda: (Tagger(), (torch.rand(*shape),))


for kind in ("LSTM", "GRU", "RNN"):
    export.add(kind.lower() + "_both_ways", "recurrent", recurrent(kind),
               variants=(11,) if kind != "LSTM" else (11, "half", "dynamic"))
    export.add(kind.lower() + "_time_first", "recurrent",
               recurrent(kind, 1, False, False, 2))


@network("recurrent", variants=(13,))
def lstm_with_state():
    class Stateful(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.LSTM(16, 64, 2)

        def forward(self, x, h, c):
            y, (h, c) = self.net(x, (h, c))
            return y, h, c

    return Stateful(), (torch.rand(7, 1, 16), torch.rand(2, 1, 64),
                        torch.rand(2, 1, 64))


@network("recurrent")
def packed_sequences():
    """Texts of several lengths, which the request says."""
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.LSTM(16, 24, 2, bidirectional=True)
            self.out = nn.Linear(48, 5)

        def forward(self, x, lengths):
            packed = nn.utils.rnn.pack_padded_sequence(
                x, lengths, enforce_sorted=False)
            y, (h, _) = self.net(packed)
            y, _ = nn.utils.rnn.pad_packed_sequence(y, total_length=9)
            return self.out(y), h

    return Packed(), (torch.rand(9, 3, 16), torch.tensor([9, 4, 6]))


@network("recurrent")
def scripted_cells():
    """Steps in a loop, and a list that it makes longer: a Loop of tensors in a
    sequence."""
    class Cells(nn.Module):
        def __init__(self):
            super().__init__()
            self.inputs, self.states = nn.Linear(16, 32), nn.Linear(32, 32)

        def forward(self, x):
            h = torch.zeros(x.size(0), 32)
            steps = []
            for t in range(x.size(1)):
                h = torch.tanh(self.inputs(x[:, t]) + self.states(h))
                steps.append(h)
            return torch.stack(steps, 1)

    return torch.jit.script(Cells()), (torch.rand(2, 9, 16),)


@network("recurrent")
def voice_activity():
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = nn.LSTMCell(64, 64), nn.Linear(64, 1)

        def forward(self, x, h, c):
            h, c = self.cell(x, (h, c))
            return torch.sigmoid(self.out(h)), h, c

    return Cell(), tuple(torch.rand(1, 64) for _ in range(3))


@network("recurrent")
def keyword_spotter():
    class Spotter(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(40, 64, 5, 2, 2)
            self.net = nn.GRU(64, 128, 2, batch_first=True)
            self.out = nn.Linear(128, 12)

        def forward(self, x):
            _, state = self.net(F.relu(self.conv(x)).transpose(1, 2))
            return self.out(state[-1])

    return Spotter(), (torch.rand(1, 40, 100),)


@network("recurrent")
def deepspeech():
    class Speech(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Sequential(
                nn.Conv2d(1, 32, (41, 11), (2, 2), (20, 5)),
                nn.BatchNorm2d(32), nn.Hardtanh(0, 20),
                nn.Conv2d(32, 32, (21, 11), (2, 1), (10, 5)),
                nn.BatchNorm2d(32), nn.Hardtanh(0, 20))
            self.net = nn.GRU(32 * 41, 200, 3, bidirectional=True)
            self.out = nn.Linear(400, 29)

        def forward(self, x):
            x = self.conv(x)
            x = x.view(x.shape[0], -1, x.shape[3]).permute(2, 0, 1)
            return self.out(self.net(x)[0]).softmax(-1)

    return Speech(), (torch.rand(1, 1, 161, 120),)


@network("text in pictures", variants=("half_weights", "dynamic"))
def crnn():
    def conv(inputs, outputs, kernel=3, pad=1, norm=False):
        return [nn.Conv2d(inputs, outputs, kernel, 1, pad),
                nn.BatchNorm2d(outputs) if norm else nn.Identity(), nn.ReLU()]

    class Crnn(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Sequential(
                *conv(1, 64), nn.MaxPool2d(2, 2), *conv(64, 128),
                nn.MaxPool2d(2, 2), *conv(128, 256, norm=True),
                *conv(256, 256), nn.MaxPool2d((2, 2), (2, 1), (0, 1)),
                *conv(256, 512, norm=True), *conv(512, 512),
                nn.MaxPool2d((2, 2), (2, 1), (0, 1)),
                *conv(512, 512, 2, 0, True))
            self.first = nn.LSTM(512, 256, bidirectional=True)
            self.between = nn.Linear(512, 256)
            self.second = nn.LSTM(256, 256, bidirectional=True)
            self.out = nn.Linear(512, 37)

        def forward(self, x):
            x = self.conv(x).squeeze(2).permute(2, 0, 1)
            x = self.between(self.first(x)[0])
            return self.out(self.second(x)[0])

    return Crnn(), (torch.rand(1, 1, 32, 100),)


@network("sound", variants=("qdq",))
def temporal_convolution():
    class Block(nn.Module):
        def __init__(self, dilation):
            super().__init__()
            self.reach = 2 * dilation
            self.conv = nn.utils.weight_norm(
                nn.Conv1d(32, 32, 3, dilation=dilation, padding=self.reach))
            self.act = nn.PReLU(32)

        def forward(self, x):
            return x + self.act(self.conv(x)[..., :-self.reach])

    blocks = [Block(2**i) for i in range(4)]
    return (nn.Sequential(nn.Conv1d(20, 32, 1), *blocks,
                          nn.Conv1d(32, 10, 1)), (torch.rand(1, 20, 64),))


@network("sound")
def wave_gate():
    class Wave(nn.Module):
        def __init__(self):
            super().__init__()
            self.gates = nn.ModuleList(
                [nn.Conv1d(16, 32, 2, dilation=2**i) for i in range(5)])
            self.first, self.out = nn.Conv1d(1, 16, 1), nn.Conv1d(16, 8, 1)

        def forward(self, x):
            x, total = self.first(x), 0
            for i, gate in enumerate(self.gates):
                a, b = gate(F.pad(x, (2**i, 0))).chunk(2, 1)
                y = torch.tanh(a) * torch.sigmoid(b)
                x, total = x + y, total + y
            return self.out(total)

    return Wave(), (torch.rand(1, 1, 128),)


@network("sound")
def demucs():
    class Demucs(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Sequential(nn.Conv1d(2, 32, 8, 4), nn.ReLU(),
                                      nn.Conv1d(32, 64, 1), nn.GLU(1))
            self.net = nn.LSTM(32, 32, 2, bidirectional=True)
            self.mix = nn.Linear(64, 32)
            self.up = nn.Sequential(nn.Conv1d(32, 64, 3, padding=1),
                                    nn.GLU(1), nn.ConvTranspose1d(32, 2, 8, 4))

        def forward(self, x):
            x = (x - x.mean(-1, True)) / (1e-5 + x.std(-1, keepdim=True))
            y = self.down(x)
            z = self.mix(self.net(y.permute(2, 0, 1))[0]).permute(1, 2, 0)
            return self.up(y + z)

    return Demucs(), (torch.randn(1, 2, 260),)


@network("sound")
def mel_spectrogram():
    class Mel(nn.Module):
        def __init__(self):
            super().__init__()
            self.real = nn.Conv1d(1, 65, 128, 32, bias=False)
            self.imaginary = nn.Conv1d(1, 65, 128, 32, bias=False)
            self.bank = nn.Linear(65, 20, bias=False)

        def forward(self, x):
            power = self.real(x) ** 2 + self.imaginary(x) ** 2
            mel = self.bank(power.transpose(1, 2)).clamp(min=1e-6).log()
            return (mel - mel.mean(1, True)) / (mel.std(1, keepdim=True) + 1e-3)

    return Mel(), (torch.randn(1, 1, 1024),)
