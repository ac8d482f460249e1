#include "daemon/ctl/inspected.h"
#include "daemon/ctl/json_writer.h"

namespace layerd {
namespace {

void AddHead(const Inspected& inspected, JsonWriter* json) {
  const manifest::Manifest& manifest = inspected.file->manifest();
  json->Add("file", inspected.file->path());
  json->BeginObject("identity");
  json->Add("name", manifest.identity().name());
  json->Add("source_sha256", manifest.identity().source_sha256());
  json->Add("producer", manifest.identity().producer());
  json->Add("weight_bytes", manifest.identity().weight_bytes());
  json->EndObject();
  json->BeginObject("kernel_key");
  json->Add("backend", manifest.kernel_key().backend());
  json->Add("isa", manifest.kernel_key().isa());
  json->Add("dtype", manifest.kernel_key().dtype());
  json->Add("library", manifest.kernel_key().library());
  json->EndObject();
  json->BeginObject("options");
  json->Add("weights", manifest.options().weights());
  json->Add("for", manifest.options().optimize_for());
  json->Add("extent_bytes_max", manifest.options().extent_bytes_max());
  json->Add("part_flops_max", manifest.options().part_flops_max());
  json->BeginObject("shapes");
  for (const manifest::ShapeBinding& shape : manifest.options().shapes()) {
    json->Add(shape.name(), std::vector<int64_t>(shape.dimensions().begin(),
                                                 shape.dimensions().end()));
  }
  json->EndObject();
  json->EndObject();
}

void AddSizes(const Inspected& inspected, JsonWriter* json) {
  json->Add("weight_bytes",
            inspected.file->manifest().identity().weight_bytes());
  json->Add("stream_bytes", inspected.file->stream().stored_bytes);
  json->Add("file_bytes", inspected.file->file_bytes());
  json->Add("tile_bytes", inspected.file->stream().tile_bytes);
  json->Add("tile_count", inspected.file->stream().tile_count);
  json->Add("largest_extent_bytes", inspected.largest_extent_bytes());
  json->BeginArray("weights");
  for (const Inspected::DtypeSum& sum : inspected.DtypeSums()) {
    json->BeginObject();
    json->Add("dtype", sum.dtype);
    json->Add("tensors", sum.tensors);
    json->Add("bytes", sum.bytes);
    json->EndObject();
  }
  json->EndArray();
  json->Add("reads", inspected.program.reads);
}

void AddTensors(const char* key, const Program& program,
                const std::vector<uint32_t>& tensors, JsonWriter* json) {
  json->BeginArray(key);
  for (const uint32_t tensor : tensors) {
    json->BeginObject();
    json->Add("name", program.tensors[tensor].name);
    json->Add("datatype", NameOf(program.tensors[tensor].type.dtype));
    json->Add("shape", program.tensors[tensor].type.shape);
    json->EndObject();
  }
  json->EndArray();
}

void AddLayers(const Inspected& inspected, JsonWriter* json) {
  const Program& program = inspected.program;
  const std::vector<Inspected::LayerSum> sums = inspected.LayerSums();
  json->BeginArray("layers");
  for (size_t i = 0; i < program.layers.size(); ++i) {
    json->BeginObject();
    json->Add("name", program.layers[i].name);
    json->Add("operator", NameOf(program.layers[i].op));
    AddTensors("inputs", program, program.layers[i].inputs, json);
    AddTensors("outputs", program, program.layers[i].outputs, json);
    json->Add("parts", sums[i].parts);
    json->Add("weight_bytes", sums[i].weight_bytes);
    if (sums[i].weights_dtype != nullptr) {
      json->Add("weights_dtype", sums[i].weights_dtype);
    } else {
      json->AddNull("weights_dtype");
    }
    json->Add("work_flops", sums[i].work_flops);
    json->EndObject();
  }
  json->EndArray();
}

void AddParts(const Inspected& inspected, JsonWriter* json) {
  json->BeginArray("parts");
  for (const Part& part : inspected.program.parts) {
    json->BeginObject();
    json->Add("layer", part.layer);
    json->Add("channels",
              std::vector<int64_t>{part.channels.first, part.channels.count});
    json->Add("rows", std::vector<int64_t>{part.rows.first, part.rows.count});
    if (part.read) {
      json->Add("read", *part.read);
    } else {
      json->AddNull("read");
    }
    json->Add("work_flops", part.work_flops);
    json->EndObject();
  }
  json->EndArray();
}

void AddExtents(const Inspected& inspected, JsonWriter* json) {
  json->BeginArray("extents");
  for (const Extent& extent : inspected.program.extents) {
    json->BeginObject();
    json->Add("offset_bytes", extent.offset_bytes);
    json->Add("stored_bytes", extent.stored_bytes);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

std::string InspectedJson(const Inspected& inspected) {
  JsonWriter json;
  json.BeginObject();
  AddHead(inspected, &json);
  AddSizes(inspected, &json);
  AddTensors("inputs", inspected.program, inspected.program.inputs, &json);
  AddTensors("outputs", inspected.program, inspected.program.outputs, &json);
  AddLayers(inspected, &json);
  AddParts(inspected, &json);
  AddExtents(inspected, &json);
  json.EndObject();
  return json.Finish();
}

}  // namespace layerd
