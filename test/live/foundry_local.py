"""Starts Foundry Local's own web service over a model of onnxruntime-genai in a folder, until it is killed.

`pip install foundry-local-sdk`, then:
python foundry_local.py --model <folder> --name <name> --port <port> --data <folder>

The service knows only models of its catalogue, which is on the net, and those in its cache. So the model goes into the
cache, and the catalogue that it asks is one here which has nothing else.
"""

import argparse
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from foundry_local_sdk import Configuration, FoundryLocalManager

flags = argparse.ArgumentParser()
for flag in ("model", "name", "port", "data"):
    flags.add_argument(f"--{flag}", required=True)
given = flags.parse_args()

MODEL = {
    "assetId": f"azureml://registries/local/models/{given.name}/versions/1",
    "entityId": given.name,
    "properties": {
        "id": f"{given.name}:1",
        "name": given.name,
        "version": 1,
        "variantInfo": {
            "variantMetadata": {"modelType": "ONNX", "device": "cpu", "executionProvider": "CPUExecutionProvider"}
        },
    },
}


class Catalogue(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = json.dumps({"value": [MODEL]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


cached = os.path.join(given.data, "models", "local", given.name)
os.makedirs(cached, exist_ok=True)
for file in os.listdir(given.model):
    os.symlink(os.path.abspath(os.path.join(given.model, file)), os.path.join(cached, file))
with open(os.path.join(cached, "inference_model.json"), "w") as facts:
    json.dump({"Name": f"{given.name}:1"}, facts)

catalogue = HTTPServer(("127.0.0.1", 0), Catalogue)
threading.Thread(target=catalogue.serve_forever, daemon=True).start()
FoundryLocalManager.initialize(
    Configuration(
        app_name="rightsize",
        app_data_dir=given.data,
        model_cache_dir=os.path.join(given.data, "models"),
        web=Configuration.WebService(urls=f"http://127.0.0.1:{given.port}"),
        catalog_urls=[(f"http://127.0.0.1:{catalogue.server_port}", None)],
        disable_nonessential_telemetry=True,
    )
)
manager = FoundryLocalManager.instance
model = next(each for each in manager.catalog.list_models() if each.alias == given.name)
model.load()
manager.start_web_service()
print(model.id, *manager.urls, flush=True)
threading.Event().wait()
