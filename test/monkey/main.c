/* SPDX-License-Identifier: MIT */
/*
 * main.c - the program around a test file that is a shared object.
 */
int monkey_main(int argc, char **argv);

int main(int argc, char **argv)
{
    return monkey_main(argc, argv);
}
