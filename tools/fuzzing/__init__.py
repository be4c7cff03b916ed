"""Fuzzes what reads untrusted bytes: messages, files, answers.

`python -m fuzzing --minutes 10`, or `make fuzz MINUTES=10 [TARGET=name]`. A target is a module
tests/fuzz/test_NAME.py with a function `fuzz_one(data: bytes) -> None`. It returns for any input,
or raises an exception, which is a failure. Documented errors are handled inside `fuzz_one`.
"""
