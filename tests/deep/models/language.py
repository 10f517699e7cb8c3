"""Tokens."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BagOfWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.EmbeddingBag(500, 16)
        self.fc = nn.Linear(16, 4)

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


class CharRNN(nn.Module):
    def __init__(self, vocab=60, hidden=32):
        super().__init__()
        self.hidden_size = hidden
        self.encoder = nn.Embedding(vocab, hidden)
        self.gru = nn.GRU(hidden, hidden, 2)
        self.decoder = nn.Linear(hidden, vocab)

    def forward(self, input, hidden):
        output, hidden = self.gru(self.encoder(input), hidden)
        return self.decoder(output), hidden


class SentenceCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(1000, 24)
        self.convs = nn.ModuleList([nn.Conv2d(1, 8, (k, 24)) for k in (3, 4, 5)])
        self.fc = nn.Linear(24, 2)

    def forward(self, x):
        x = self.emb(x).unsqueeze(1)
        x = [F.relu(conv(x)).squeeze(3) for conv in self.convs]
        return self.fc(torch.cat([F.max_pool1d(i, i.size(2)).squeeze(2) for i in x], 1))


class PackedTagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(200, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 16, batch_first=True, bidirectional=True)
        self.out = nn.Linear(32, 7)

    def forward(self, sentences, lengths):
        packed = pack_padded_sequence(self.emb(sentences), lengths, batch_first=True)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(out)


class Block(nn.Module):
    def __init__(self, dim, heads, block_size):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.heads = heads
        self.register_buffer("mask", torch.tril(torch.ones(block_size, block_size)))

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (y.view(b, t, self.heads, c // self.heads).transpose(1, 2) for y in self.qkv(self.ln1(x)).chunk(3, -1))
        w = (q @ k.transpose(-2, -1)) / math.sqrt(c // self.heads)
        w = w.masked_fill(self.mask[:t, :t] == 0, -1e9).softmax(-1)
        x = x + self.proj((w @ v).transpose(1, 2).reshape(b, t, c))
        return x + self.mlp(self.ln2(x))


class TinyGPT(nn.Module):
    def __init__(self, vocab_size=65, block_size=8, n_embd=32):
        super().__init__()
        self.block_size = block_size
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        self.blocks = nn.ModuleList([Block(n_embd, 4, block_size) for _ in range(2)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)

    def forward(self, idx, targets=None):
        b, t = idx.size()
        assert t <= self.block_size, "Cannot forward, model block size is exhausted."
        x = self.wte(idx) + self.wpe(torch.arange(t, device=idx.device))
        for block in self.blocks:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
        return logits, loss


class MaskedEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.word_embeddings = nn.Embedding(300, 32)
        self.position_embeddings = nn.Embedding(64, 32)
        self.token_type_embeddings = nn.Embedding(2, 32)
        self.norm = nn.LayerNorm(32)
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.pooler = nn.Linear(32, 2)

    def forward(self, input_ids, attention_mask, token_type_ids):
        position_ids = torch.arange(input_ids.size(1), device=input_ids.device)
        x = self.word_embeddings(input_ids) + self.position_embeddings(position_ids) + self.token_type_embeddings(token_type_ids)
        x = self.layer(self.norm(x), src_key_padding_mask=attention_mask == 0)
        return self.pooler(x[:, 0])


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.src_emb = nn.Embedding(100, 32)
        self.tgt_emb = nn.Embedding(120, 32)
        self.transformer = nn.Transformer(32, 4, 1, 1, 64, batch_first=True)
        self.out = nn.Linear(32, 120)

    def forward(self, src, tgt):
        mask = nn.Transformer.generate_square_subsequent_mask(tgt.size(1))
        return self.out(self.transformer(self.src_emb(src), self.tgt_emb(tgt), tgt_mask=mask))


class MaskedTranslator(nn.Module):
    """The masks come from outside."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(100, 32)
        self.q, self.k, self.v = nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 32)
        self.out = nn.Linear(32, 100)

    def forward(self, src, src_mask):
        x = self.emb(src)
        scores = self.q(x) @ self.k(x).transpose(1, 2) / 32**0.5
        scores = scores.masked_fill(src_mask == 0, -1e9)
        return self.out(scores.softmax(-1) @ self.v(x))


class RecurrentTranslator(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc_emb, self.dec_emb = nn.Embedding(80, 16), nn.Embedding(90, 16)
        self.encoder = nn.GRU(16, 24, batch_first=True)
        self.decoder = nn.GRUCell(16, 24)
        self.out = nn.Linear(24, 90)

    def forward(self, src, trg, teacher_forcing_ratio=0.5):
        _, hidden = self.encoder(self.enc_emb(src))
        hidden = hidden.squeeze(0)
        outputs = []
        token = trg[:, 0]
        for t in range(1, trg.shape[1]):
            hidden = self.decoder(self.dec_emb(token), hidden)
            outputs.append(self.out(hidden))
            token = trg[:, t] if torch.rand(1).item() < teacher_forcing_ratio else outputs[-1].argmax(1)
        return torch.stack(outputs, 1)


class LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(10, 20, 2, batch_first=True)
        self.fc = nn.Linear(20, 1)

    def forward(self, x):
        h0 = torch.zeros(2, x.size(0), 20)
        c0 = torch.zeros(2, x.size(0), 20)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1, :])


class OneHot(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(27, 27)

    def forward(self, x):
        return self.fc(F.one_hot(x, num_classes=27).float())
