"""The library as a service over HTTP: ``diarize serve`` (extra ``server``).

One file per family of calls (openai, speaches, localai, embedding_service, jobs, health), one per
concern around them (auth, limits, uploads, urls, decoding, logs, metrics). `app.create_app` puts
them together; `cli.serve` is the command.
"""
