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
    (tmp_path / "staxpipe.toml").write_text("web_prot = 9000\n")
    with pytest.raises(PermanentError, match="WEB_PROT"):
        read_settings()


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
