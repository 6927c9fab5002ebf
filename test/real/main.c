/* SPDX-License-Identifier: MIT */
/*
 * test/real/main.c - the program around a test file that is a shared object.
 */
int client_main(int argc, char **argv);

int main(int argc, char **argv)
{
    return client_main(argc, argv);
}
