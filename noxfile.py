"""The one runner: ``nox -l`` lists the sessions, ``nox -s lint`` runs one, ``nox`` the quick ones.

``.ci/run`` runs every session but ``fast``, ``audit``, ``drift``, ``long`` and ``matrix``, and
starts the servers that they need. Of the matrix it runs the corners, tagged so: ``nox --tags
corner``. In the place of ``tests`` it runs the README's command, which measures no coverage: that
doubles the time.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"  # uv, where it is there: it installs fast
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "imports", "docs", "tests"]
# The tests start a thousand processes: without bytecode each would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")

DATABASES = ["postgres", "mariadb", "sqlite"]
# The pairs that Django supports: https://docs.djangoproject.com/en/stable/faq/install/
PYTHONS = {
    "5.2": ["3.11", "3.12", "3.13", "3.14"],
    "6.0": ["3.12", "3.13", "3.14"],
    "6.1": ["3.12", "3.13", "3.14"],
}

# The pure tests: values in, values out. No table, no socket, no process.
FAST = [
    "tests/content",
    "tests/client/test_answer.py",
    "tests/delivery/test_bodies.py",
    "tests/delivery/test_bounds.py",
    "tests/delivery/test_decisions.py",
    "tests/delivery/test_verdict_table.py",
    "tests/lockscreen/test_drawing.py",
    "tests/lockscreen/test_every_field.py",
    "tests/lockscreen/test_odd_content.py",
    "tests/lockscreen/test_stylesheet.py",
    "tests/sandbox/test_content_rules.py",
    "tests/sandbox/test_fault_rules.py",
    "tests/sandbox/test_limits.py",
]
# What is installed, as lines of requirements, without this package.
INSTALLED = """
from importlib.metadata import distributions
found = {f"{each.name}=={each.version}" for each in distributions()}
print(*sorted(each for each in found if not each.startswith("django-liveactivity==")), sep="\\n")
"""
# The forms of the files that the repository's host and Read the Docs read.
FORMS = {
    "github-workflows": ".github/workflows/*.yml",
    "dependabot": ".github/dependabot.yml",
    "readthedocs": ".readthedocs.yaml",
}
MEASURES_MEMORY = "--ignore=tests/content/test_sizes.py"
# The tests that meet a database.
ON_A_SERVER = [
    "tests/accounts",
    "tests/admin",
    "tests/api",
    "tests/backends",
    "tests/checks",
    "tests/commands",
    "tests/delivery",
    "tests/dispatch",
    "tests/lockscreen/test_sketches.py",
    "tests/lockscreen/test_tags.py",
    "tests/services",
    "tests/testing",
    "tests/tracking",
    "tests/upgrade",
    "tests/test_health.py",
    "tests/test_overriding.py",
    "tests/test_prometheus.py",
    "tests/test_scopes.py",
    "--ignore=tests/admin/test_content_form.py",  # values in, values out
    *(f"--ignore=tests/api/test_{name}.py" for name in ("bodies", "schema", "servers")),
    # processes with an SQLite file of their own
    "--ignore=tests/commands/test_dev.py",
    "--ignore=tests/commands/test_dispatch_process.py",
    "--ignore=tests/commands/test_liveness.py",
]
# What httpx, pydantic and drf-spectacular do for us, which no database changes.
OF_LIBRARIES = ["tests/client", "tests/content", "tests/example/test_project.py", MEASURES_MEMORY]
# The admin's pages that ask a database for what differs between them: text, dates, batches.
# What every database does alike, PostgreSQL and SQLite have shown.
OF_THE_ADMIN = [
    "tests/admin/test_batch_progress.py",
    "tests/admin/test_buttons.py",
    "tests/admin/test_changelist.py",
    "tests/admin/test_confirmation.py",
    "tests/admin/test_databases.py",
    "tests/admin/test_explanation.py",
    "tests/admin/test_reads.py",
    "tests/admin/test_search.py",
    "tests/admin/test_subject_databases.py",
    "tests/admin/test_subject_list.py",
]
TESTED_ON = {
    "postgres": ON_A_SERVER,
    "mariadb": [
        *OF_THE_ADMIN,
        *(path for path in ON_A_SERVER if "tests/admin" not in path),
        *OF_LIBRARIES,  # here CI has their lowest versions
        "--ignore=tests/dispatch/test_db_worker.py",  # processes with PostgreSQL, or a file
    ],
    "sqlite": [],  # the default run
}
# Of the extra "test" what brings no extra of ours; and the tests that need none.
TOOLS = [
    name
    for name in PROJECT["project"]["optional-dependencies"]["test"]
    if not name.startswith("django")
]
WITHOUT_EXTRAS = [
    "tests/services",
    "tests/tracking",
    "--ignore=tests/services/test_actors.py",  # DRF's requests
    "--ignore=tests/tracking/test_reconcile.py",  # Celery's task
]


def interpreter(*versions: str) -> str:
    """Return the first of these Pythons that pyenv has, else the name of the first, for uv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = (path for each in versions for path in root.glob(f"versions/{each}.*[0-9]/bin/python"))
    return next(map(str, found), versions[0])


NEWEST = interpreter("3.14", "3.13")


def cells() -> Iterator[Any]:
    """Yield the matrix: Python, what uv is told to choose, and a database; the corners are CI's."""
    pairs = [(python, django) for django, pythons in PYTHONS.items() for python in pythons]
    for database in DATABASES:
        for python, django in pairs:
            name = f"{python}-{django}-{database}"
            yield nox.param(interpreter(python), f"django=={django}.*", database, id=name)
        for name, python, choice, corner in (
            ("lowest", interpreter("3.11"), "--resolution=lowest-direct", "mariadb"),
            ("newest", NEWEST, "--resolution=highest", "postgres"),
        ):
            tags = ["corner"] if database == corner else []
            yield nox.param(python, choice, database, id=f"{name}-{database}", tags=tags)


def install(session: nox.Session, *groups: str, package: str = "test", choice: str = "") -> None:
    """Install the package in place with an extra, and what dependency groups list.

    The groups are read here, because pip reads them since 25.1 only.
    """
    listed = nox.project.dependency_groups(PROJECT, *groups)
    session.install("-e", f".[{package}]", *listed, *filter(None, [choice]))


def readme_command(having: str) -> str:
    """Return the command of the README that has this text in it, word for word."""
    lines = re.findall(r"^python -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return next(line for line in lines if having in line)


def told_to_install(*pages: str) -> list[str]:
    """Return what pages tell a reader to install, this package from its sources."""
    text = "".join((ROOT / "docs" / "how-to" / page).read_text() for page in pages)
    named = re.findall(r'`pip install "([^"]+)"`', text)
    ours = "django-liveactivity"
    return [
        part
        for name in named
        for part in (["-e", name.replace(ours, ".")] if name.startswith(ours) else [name])
    ]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, form, what bandit and zizmor call risky; no path of a machine and no real key."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", ".ci/find_private.py")
    # Silent: bandit warns of each exception that one of several strings in a line did not need.
    bandit = ("bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive")
    session.run(*bandit, "django_liveactivity", silent=True)
    for schema, path in FORMS.items():
        names = sorted(map(str, ROOT.glob(path)))
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *names)
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types: mypy the package, pyright what a host sees of it."""
    install(session, "types")
    session.run("mypy", "--no-incremental")  # the Django plugin and the cache do not agree
    python = shutil.which("python", path=session.bin)
    session.run("pyright", "--pythonpath", str(python))


@nox.session
def imports(session: nox.Session) -> None:
    """Every arrow points down: the contracts of pyproject.toml."""
    install(session, "lint", package="all")
    session.run("lint-imports")


@nox.session
def migrations(session: nox.Session) -> None:
    """No migration is missing, and none takes a lock on PostgreSQL that stops a host."""
    install(session, "servers", "migrations", package="all")
    check = ("makemigrations", "--check", "--dry-run")
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    session.run("python", "-m", "django", *check, "django_liveactivity", env=settings)
    session.run("python", "example_project/manage.py", *check)
    settings |= {"TEST_DATABASE": "postgres", "TEST_DATABASE_NAME": "postgres"}
    for path in sorted((ROOT / "django_liveactivity" / "migrations").glob("0*.py")):
        show = ("sqlmigrate", "django_liveactivity", path.stem)
        sql = Path(session.create_tmp(), path.with_suffix(".sql").name)
        text = session.run("python", "-m", "django", *show, env=settings, silent=True)
        sql.write_text(str(text))
        session.run("squawk", "--config", ".ci/squawk.toml", str(sql))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, where a warning fails, and check links to other sites.

    Those are checked where there is a network: see docs/conf.py.
    """
    install(session, "docs", package="all")
    folder = Path(session.create_tmp()).resolve()
    for builder in ("html", "linkcheck"):
        build = ("sphinx-build", "--quiet", "--fail-on-warning", "--keep-going")
        session.run(*build, "--builder", builder, "docs", str(folder / builder))


@nox.session
def fast(session: nox.Session) -> None:
    """The pure tests, in at most 10 seconds; ``-R`` skips the installation."""
    install(session)
    few_examples = {"HYPOTHESIS_PROFILE": "fast"}
    session.run(
        "pytest", "-q", "-n", "0", *FAST, MEASURES_MEMORY, *session.posargs, env=few_examples
    )


@nox.session
def tests(session: nox.Session) -> None:
    """The default run on SQLite, with the floor of branch coverage."""
    install(session)
    coverage = [] if session.posargs else ["--cov", "--cov-report=term"]
    session.run("pytest", *coverage, *session.posargs)


@nox.session(venv_backend="uv")
@nox.parametrize("python,choice,database", cells())
def matrix(session: nox.Session, choice: str, database: str) -> None:
    """The tests that meet a database, on each; on SQLite the default run. No warning anywhere."""
    install(session, "servers", choice=choice)
    session.run("python", "-m", "django", "version")
    manage = ("python", "-W", "error", "example_project/manage.py")
    for command in (("check",), ("migrate", "--verbosity=0")):
        session.run(*manage, *command, env={"DATABASE_URL": "sqlite://:memory:"})
    paths = session.posargs or TESTED_ON[database]
    session.run("pytest", "-q", *paths, env={"TEST_DATABASE": database})


def run_real(session: nox.Session, *arguments: str) -> None:
    """Run tests of real processes; what fails must pass once more, one by one.

    They race the clock of a machine that others use too.
    """
    try:
        session.run("pytest", "-q", *arguments)
    except CommandFailed:
        again = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none")
        session.run("pytest", *again, *arguments)


@nox.session
@nox.parametrize("database", DATABASES, ids=DATABASES)
def faults(session: nox.Session, database: str) -> None:
    """The fault suite on one database; after ``--`` one row, as in ``-- row_13``."""
    install(session, "servers")
    row = session.posargs[0] if session.posargs else "row"
    run_real(session, "tests/faults", "-k", f"{row} and {database}")


@nox.session
def engines(session: nox.Session) -> None:
    """The fault suite's own checker and requirements, and delivery broken on purpose."""
    install(session, "servers")
    names = ("checker", "requirements", "mutations")
    run_real(session, *(f"tests/faults/test_{name}.py" for name in names))


@nox.session
def browser(session: nox.Session) -> None:
    """The pages in a real Chromium: the night story, axe, the HTML checker, a strict policy."""
    install(session, "browser")
    run_real(session, "tests/browser", "--ds=tests.browser.settings", *session.posargs)


@nox.session
def themes(session: nox.Session) -> None:
    """The pages under django-unfold and django-jazzmin, light and dark, in a real Chromium."""
    install(session, "themes")
    run_real(session, "-n", "0", "tests/themes", *session.posargs)


@nox.session
def tenants(session: nox.Session) -> None:
    """A project with a schema for each tenant, on PostgreSQL with django-tenants."""
    install(session, "servers", "tenants")
    settings = "--ds=tests.tenants.settings"
    session.run("pytest", "-q", "-n", "0", settings, "tests/tenants", *session.posargs)


@nox.session
def openapi(session: nox.Session) -> None:
    """The endpoint does what its OpenAPI description says: schemathesis and a generated client."""
    install(session, "servers", "openapi")
    session.run("pytest", "-q", "-rP", "tests/openapi", *session.posargs)


@nox.session
def tutorial(session: nox.Session) -> None:
    """The tutorial word for word, on PostgreSQL with Celery over Redis."""
    install(session, "servers")
    session.run("pytest", "-q", "-n", "0", "tests/tutorial/with_celery.py")


@nox.session(python=NEWEST)
def afternoon(session: nox.Session) -> None:
    """A stranger's project from the docs' text alone: the newest Django, PostgreSQL, Celery."""
    session.install(*told_to_install("deliver-with-celery.md", "end-over-http.md"))
    session.run("python", "-m", "tests.tutorial.afternoon")


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist and its wheel into ``dist``, and check them as the package index would."""
    session.install(*nox.project.dependency_groups(PROJECT, "release"))
    folder = Path(session.create_tmp()).resolve() / "dist"
    for old in (folder, ROOT / "dist"):
        shutil.rmtree(old, ignore_errors=True)
    session.run("validate-pyproject", "pyproject.toml")
    session.run("python", "-m", "build", "--outdir", str(folder), ".")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder / "direct"), ".")
    session.run("python", ".ci/dist_check.py", str(folder))
    built = [*folder.glob("*.tar.gz"), *folder.glob("*.whl")]
    session.run("twine", "check", "--strict", *map(str, built))
    session.run("check-wheel-contents", *map(str, folder.glob("*.whl")))
    (ROOT / "dist").mkdir()
    for file in built:
        shutil.copy(file, ROOT / "dist")


@nox.session(requires=["build"])
@nox.parametrize(
    "python,extras",
    [
        nox.param(interpreter("3.12"), False, id="bare", tags=["corner"]),
        nox.param(NEWEST, True, id="full", tags=["corner"]),
    ],
)
def wheel(session: nox.Session, extras: bool) -> None:
    """The built files, with all extras or none, under the sdist's tests and with no sources."""
    sdist, built = (next((ROOT / "dist").glob(pattern)) for pattern in ("*.tar.gz", "*.whl"))
    folder = Path(session.create_tmp()).resolve() / sdist.name.removesuffix(".tar.gz")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.unpack_archive(sdist, folder.parent, filter="data")
    shutil.rmtree(folder / "django_liveactivity")
    session.chdir(folder)
    if extras:
        session.install(f"{built}[test]")
        met = [f"--ignore={path}" for path in ON_A_SERVER if not path.startswith("--")]
        session.run("pytest", "-q", *(session.posargs or met))
        return
    for file in (sdist, built):
        session.install("--force-reinstall", str(file))
        session.run("python", "-W", "error", ".ci/wheel_check.py")
    session.install(*TOOLS)
    session.run("pytest", "-q", *(session.posargs or WITHOUT_EXTRAS))


@nox.session(venv_backend="none")
def demo(session: nox.Session) -> None:
    """The README's main job, word for word, in a clean clone."""
    clone = Path(session.create_tmp()).resolve() / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    session.run("git", "clone", "--quiet", str(ROOT), str(clone), external=True)
    command = readme_command("manage.py demo")
    with session.chdir(clone):
        session.run("bash", "-c", command, external=True)


@nox.session
def drift(session: nox.Session) -> None:
    """The vendor's newest SDKs beside this package: what a model of theirs has and ours lacks."""
    install(session)
    session.install("--upgrade", "activitysmith")
    folder = Path(session.create_tmp()).resolve() / "node"
    folder.mkdir(exist_ok=True)
    packages = ("activitysmith@latest", "ts-json-schema-generator@2")
    npm = ("npm", "install", "--ignore-scripts", "--prefix", str(folder))
    session.run(*npm, *packages, external=True, silent=True)
    session.run("python", "-m", "tests.drift", "--node", str(folder), *session.posargs)


@nox.session(reuse_venv=False)
def audit(session: nox.Session) -> None:
    """No known vulnerability in what a project installs with this package, by PyPI's advisories.

    Fails, too, if PyPI cannot be asked about each package.
    """
    session.install("-e", ".[all]")
    file = Path(session.create_tmp()).resolve() / "requirements.txt"
    file.write_text(str(session.run("python", "-c", INSTALLED, silent=True)))
    session.install(*nox.project.dependency_groups(PROJECT, "audit"))
    pinned = ("--disable-pip", "--no-deps", "--requirement", str(file))
    try:
        # Strict: a package that PyPI does not tell about would be skipped, and the rest would pass.
        session.run("pip-audit", "--strict", *pinned)
    except CommandFailed:
        session.error("A vulnerability is known, or PyPI could not be asked: see above.")


@nox.session
def long(session: nox.Session) -> None:
    """What takes minutes to hours: mutants, the walk, soaks, all benchmarks in their full form."""
    install(session, "servers", "peers")
    session.run("python", "-m", "tests.mutants")
    session.run("python", "-m", "tests.delivery.walk", "--depth", "6")
    soak = ("python", "-m", "tests.faults.soak", "--minutes", "10")
    session.run(*soak, "--database", "postgres", "--broker", "redis")
    session.run(*soak, "--database", "mariadb", "--broker", "rabbitmq")
    accounts = ("python", "-m", "tests.faults.soak_accounts", "--minutes", "10")
    session.run(*accounts, "--database", "postgres", "--broker", "redis")
    session.run(*accounts, "--database", "mariadb")
    session.run("python", "-m", "tests.benchmarks", "--compare")
