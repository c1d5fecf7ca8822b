"""Text as the search sees it: folding and pinyin. Pure; the same on both sides of the index.

What is folded here is folded again, in the same way, by the field types of the Solr schema. It has
to happen here too because words are recognised and pinyin is made before Solr sees the text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

from pypinyin import Style, lazy_pinyin

from .t2s import SIMPLIFIED, TRADITIONAL

Spoken = tuple[str, ...]

_HAN = "\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
HAN_RUN = re.compile(f"[{_HAN}]+")
# A word for the search: Chinese characters, or letters and digits with inner dots (pm2.5).
_KEPT = re.compile(f"[{_HAN}]+|(?:(?![{_HAN}_])\\w)+(?:\\.(?:(?![{_HAN}_])\\w)+)*")
_LATIN = re.compile(r"[a-z]+")
# Zero-width and Mongolian variation selectors: invisible, but they would split a word.
_INVISIBLE = [chr(c) for c in (0xAD, *range(0x180B, 0x1810), *range(0x200B, 0x2010), 0x2060, 0xFEFF)]
_PLAIN = {**dict.fromkeys(_INVISIBLE, ""), **dict(zip(TRADITIONAL, SIMPLIFIED, strict=True))}
# Few texts hold any of these: looking for them is much faster than translating every character.
_ODD = re.compile(f"[{''.join(map(re.escape, _PLAIN))}]")
SHORT = 30
MIN_INITIALS = 3
MAX_SYLLABLE = 6
MAX_PINYIN = 60
MAX_READINGS = 4
# Every syllable of standard pinyin, ü written v.
_SYLLABLES = """
    a ai an ang ao ba bai ban bang bao bei ben beng bi bian biao bie bin bing bo bu ca cai can
    cang cao ce cen ceng cha chai chan chang chao che chen cheng chi chong chou chu chua chuai
    chuan chuang chui chun chuo ci cong cou cu cuan cui cun cuo da dai dan dang dao de dei den
    deng di dia dian diao die ding diu dong dou du duan dui dun duo e en er fa fan fang fei fen
    feng fiao fo fou fu ga gai gan gang gao ge gei gen geng gong gou gu gua guai guan guang gui
    gun guo ha hai han hang hao he hei hen heng hong hou hu hua huai huan huang hui hun huo ji jia
    jian jiang jiao jie jin jing jiong jiu ju juan jue jun ka kai kan kang kao ke ken keng kong
    kou ku kua kuai kuan kuang kui kun kuo la lai lan lang lao le lei len leng li lia lian liang
    liao lie lin ling liu lo long lou lu luan lun luo lv lve ma mai man mang mao me mei men meng
    mi mian miao mie min ming miu mo mou mu na nai nan nang nao ne nei nen neng ni nia nian niang
    niao nie nin ning niu nong nou nu nuan nun nuo nv nve o ou pa pai pan pang pao pei pen peng pi
    pian piao pie pin ping po pou pu qi qia qian qiang qiao qie qin qing qiong qiu qu quan que qun
    ran rang rao re ren reng ri rong rou ru rua ruan rui run ruo sa sai san sang sao se sen seng
    sha shai shan shang shao she shei shen sheng shi shou shu shua shuai shuan shuang shui shun
    shuo si song sou su suan sui sun suo ta tai tan tang tao te tei teng ti tian tiao tie ting
    tong tou tu tuan tui tun tuo wa wai wan wang wei wen weng wo wu xi xia xian xiang xiao xie xin
    xing xiong xiu xu xuan xue xun ya yan yang yao ye yi yin ying yong you yu yuan yue yun za zai
    zan zang zao ze zei zen zeng zha zhai zhan zhang zhao zhe zhei zhen zheng zhi zhong zhou zhu
    zhua zhuai zhuan zhuang zhui zhun zhuo zi zong zou zu zuan zui zun zuo
"""
SYLLABLES = frozenset(_SYLLABLES.split())


def fold(text: str) -> str:
    """Return the text in half width, lower case, simplified, without lone surrogates."""
    return folded(text) if len(text) <= SHORT else folded.__wrapped__(text)


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Do what ``fold`` says; short texts, names of departments above all, come again and again."""
    clean = text.encode("utf-8", "ignore").decode("utf-8")
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", clean).casefold())
    return _ODD.sub(lambda found: _PLAIN[found[0]], plain)


def words(folded: str) -> list[str]:
    """Split folded text at everything that is neither a character, a letter nor a digit.

    What is left contains nothing that a query parser could take for syntax.
    """
    return _KEPT.findall(folded)


def is_han(text: str) -> bool:
    """Return whether the text is Chinese characters only."""
    return HAN_RUN.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def syllables(han: str) -> Spoken:
    """Return the pinyin of a run of Chinese characters, without tones."""
    return tuple(lazy_pinyin(han, style=Style.NORMAL, errors="ignore", v_to_u=False))


def pairs(spoken: Spoken) -> list[str]:
    """Return neighbouring syllables as tokens: gong jiao zhan -> gong_jiao jiao_zhan."""
    return [f"{first}_{second}" for first, second in pairwise(spoken)]


@lru_cache(maxsize=4096)
def pinyin_pairs(text: str) -> str:
    """Return the pinyin pairs of a text, run by run, blank between them."""
    return " ".join(filter(None, map(paired, HAN_RUN.findall(fold(text)))))


@lru_cache(maxsize=4096)
def paired(han: str) -> str:
    """Return the pinyin pairs of a run of Chinese characters; many titles share their runs."""
    return " ".join(pairs(syllables(han)))


@lru_cache(maxsize=4096)
def pinyin_initials(text: str) -> str:
    """Return the initials of each run of Chinese characters, for the runs long enough to search."""
    runs = ("".join(s[0] for s in syllables(run)) for run in HAN_RUN.findall(fold(text)))
    return " ".join(run for run in runs if len(run) >= MIN_INITIALS)


def split_pinyin(latin: str) -> tuple[Spoken, ...]:
    """Read letters as pinyin in every likely way: fangan as fang an and as fan gan.

    Fewest syllables first, and among equals the one whose first syllable is longest, which is how
    people read it (xiang gang, not xi ang gang). Empty when they cannot be read so.
    """
    latin = latin.replace("ü", "v")
    if not _LATIN.fullmatch(latin) or len(latin) > MAX_PINYIN:
        return ()
    ways: list[list[Spoken]] = [[] for _ in latin] + [[()]]
    for start in range(len(latin) - 1, -1, -1):
        ends = range(min(len(latin), start + MAX_SYLLABLE), start, -1)
        heads = [(latin[start:end], ways[end]) for end in ends if latin[start:end] in SYLLABLES]
        found = [(head, *rest) for head, rests in heads for rest in rests]
        ways[start] = sorted(found, key=len)[:MAX_READINGS]
    return tuple(way for way in ways[0] if len(way) <= len(ways[0][0]) + 1)
