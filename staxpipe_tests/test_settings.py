import threading
from pathlib import Path

import pytest

from staxpipe.errors import PermanentError
from staxpipe.settings import read_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "staxpipe.toml").write_text('web_port = 9000\nregion = "eu-west-1"\n')
    monkeypatch.setenv("STAXPIPE_WEB_PORT", "9001")
    settings = read_settings()
    assert (settings.web_port, settings.region) == (9001, "eu-west-1")


def test_every_error_is_told_at_once_and_in_words() -> None:
    with pytest.raises(PermanentError) as caught:
        read_settings(
            {"web_port": 70000, "region": "Ireland", "smtp_url": "mail.example.com", "database_url": "mysql://x"}
        )
    message = str(caught.value)
    for words in (
        "STAXPIPE_WEB_PORT: ",
        "STAXPIPE_REGION: must be an AWS region, as in eu-west-1",
        "STAXPIPE_SMTP_URL: must be smtp://",
        "STAXPIPE_DATABASE_URL: must be a Postgres address",
    ):
        assert words in message


def test_a_misspelt_setting_in_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "staxpipe.toml").write_text("web_prt = 9000\nSTAXPIPE_REGION = 'eu-west-1'\nzzz = 1\n")
    with pytest.raises(PermanentError) as caught:
        read_settings()
    assert str(caught.value).splitlines()[1:] == [
        "  unknown setting `web_prt` in staxpipe.toml; did you mean web_port?",
        "  unknown setting `STAXPIPE_REGION` in staxpipe.toml; did you mean region?",
        "  unknown setting `zzz` in staxpipe.toml; README has a table of all settings",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"web_port = 9000\nregion = eu-west-1\n",
            r"staxpipe\.toml, line 2: the value of `region`.*region = \"\.\.\.\"",
        ),
        (b"smtp_url = smtp://me:hunter2@mail\n", "line 1: the value of `smtp_url`"),
        (b'region = "eu-west-1', r"staxpipe\.toml is not valid TOML|staxpipe\.toml, line 1"),
        (b"a line\n", "line 1: the value is not"),
        (b"region = '\xff'", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_toml_is_a_sentence_without_its_values(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "staxpipe.toml").write_bytes(content)
    with pytest.raises(PermanentError, match=words) as caught:
        read_settings()
    assert "hunter2" not in str(caught.value)


def test_ports_must_differ() -> None:
    with pytest.raises(PermanentError, match="must differ"):
        read_settings({"web_port": 9000, "dagster_port": 9000})


def test_passwords_are_not_shown() -> None:
    settings = read_settings(
        {"database_url": "postgresql://me:hunter2@db/staxpipe", "smtp_url": "smtp://me:hunter2@mail"}
    )
    assert "hunter2" not in repr(settings)


def test_a_signing_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    settings = read_settings({"home": tmp_path / "home"})
    key = settings.signing_key()
    assert len(key) >= 32
    assert settings.signing_key() == key
    assert (tmp_path / "home" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_being_written_is_waited_for_and_an_empty_one_is_never_used(tmp_path: Path) -> None:
    settings, path = read_settings({"home": tmp_path}), tmp_path / "secret-key"
    path.touch()
    with pytest.raises(PermanentError, match=r"secret-key holds no key .*Remove it"):
        settings.signing_key()
    writer = threading.Timer(0.2, path.write_text, ("k" * 64,))
    writer.start()
    assert settings.signing_key() == "k" * 64
    writer.join()
