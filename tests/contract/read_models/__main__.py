"""Write what the rules of each read model make of the recorded commits, where that is not written yet."""

from common.read_models import READ_MODELS
from tests.contract.read_models import as_text, file_of, made_of, recorded_commits

for model in READ_MODELS:
    file = file_of(model)
    if not file.exists():
        file.write_bytes(as_text(made_of(model, recorded_commits())))
        print(f"written: {file.name}")
