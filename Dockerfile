# The whole grader, with isolation level B inside: for macOS, Windows, Codespaces and VS Code. From this folder:
#     docker build --tag vae-grade .
#     docker run --rm --network none --volume "$PWD:/work" vae-grade vae-grade run SUBMISSION
# Level B needs landlock and seccomp, which docker's own seccomp profile allows.
FROM python:3.12-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libseccomp2 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 grader \
    && mkdir /opt/vae /opt/venv /work \
    && chown grader: /opt/vae /opt/venv /work
USER grader
RUN python -m venv /opt/venv
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
COPY --chown=grader . /opt/vae
WORKDIR /opt/vae
RUN python bootstrap.py --with dev && rm -rf ~/.cache/pip
WORKDIR /work
CMD ["vae-grade", "--help"]
