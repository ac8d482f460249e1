// The main() of every test. Catch2 2 builds it, and itself, in this one file.

#define CATCH_CONFIG_RUNNER
#include "test/catch/catch.h"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
